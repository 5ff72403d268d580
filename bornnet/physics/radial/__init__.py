"""Potentials in r, solved adaptively on themselves: tables between their points, tails beyond their end,
panels of Gauss points, the Born series along r, and a budget of what each of these may have cost.
"""
