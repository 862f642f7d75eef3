"""Programs that solve one model in a process of their own and speak in frames over standard input and output."""
