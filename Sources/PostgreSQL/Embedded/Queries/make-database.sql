CREATE DATABASE snappy_flow OWNER snappy_flow
