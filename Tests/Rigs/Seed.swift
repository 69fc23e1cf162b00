// Rigs
