"""El suplente del buzón: SMTP de verdad y la parte de Mailpit que usan los flujos."""
