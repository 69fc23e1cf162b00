print("snappy-flow")
