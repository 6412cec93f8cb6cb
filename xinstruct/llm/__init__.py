"""Models: registry, fetching, the embedded server, the client, the journal of calls."""
