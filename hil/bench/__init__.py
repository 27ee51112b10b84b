"""The boards this host can reach: emulated ones are started here, real ones named by the user."""
