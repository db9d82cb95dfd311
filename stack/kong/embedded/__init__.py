"""El suplente didáctico de Kong."""
