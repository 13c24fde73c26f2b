"""What `stb-lab` can be told to do: options, words on the terminal, exit codes."""
