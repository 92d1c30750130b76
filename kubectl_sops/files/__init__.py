"""One file: read, decrypt, encrypt, edit and write it."""
