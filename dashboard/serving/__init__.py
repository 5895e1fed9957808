"""What the server does for all visitors: the queue, runs as they are read, what is shipped."""
