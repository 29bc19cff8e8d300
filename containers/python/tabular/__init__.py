"""What the four programs share: the schema, the reading of data, the encoding of rows, the model artifact."""
