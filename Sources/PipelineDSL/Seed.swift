// PipelineDSL
