"""OXL, the Open eXperience Layer: TM Forum revenue APIs with real engines behind them."""
