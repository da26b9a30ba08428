"""A generator, a discriminator, a loss, a game and a data set for ganexp."""
