"""Learners: what can be fitted to potentials and their values, and has Taylor terms.

Each is one file or folder and one line in the table of `base`: a class of the protocol `base.Learner`, and
its configuration. Learners may import the rooms below (networks, diagrams, training, files, config, compute);
they know neither physics nor where the data come from.
"""
