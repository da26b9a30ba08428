"""Search for the latent whose image is nearest to a picture."""
