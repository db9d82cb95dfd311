"""Todo lo que stacklab sabe de n8n."""
