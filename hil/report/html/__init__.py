"""One self-contained HTML page of a session: verdict, comparisons, numerics, memory, history."""
