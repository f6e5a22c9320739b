"""What perf/report and perf/peers are made of."""
