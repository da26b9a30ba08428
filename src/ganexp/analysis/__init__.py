"""Looking inside: what a generator has learned, and what a discriminator knows; one way of looking a file."""
