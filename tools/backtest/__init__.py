"""`make backtest POLICY=file.json FROM= TO= ENV=`: what another policy would have done with stored decisions."""
