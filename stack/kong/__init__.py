"""Todo lo que stacklab sabe de Kong."""
