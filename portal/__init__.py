"""What people see: pages for clerks, analysts and leaders, and the API behind them."""
