"""What is asked of the policy engine, and how its answer is read."""
