"""The guide: one page a subject, in Markdown. `bornnet guide` shows them; tests run what stands on them."""
