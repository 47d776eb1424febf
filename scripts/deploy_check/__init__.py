"""What scripts/check-deploy and scripts/rehearse-deploy are made of."""
