"""A network that steps along r: continuous depth, ``ds/dr = x(r) G(s, r)``, with one perceptron G for all r.

| symbol | in code | meaning |
| --- | --- | --- |
| s | states | k numbers, 0 at r = 0, carried along r |
| G | layers | the perceptron that drives them |
| x | factor * U | the potential times one number, constant in a cell |
| y | output | unit * readout(s(1)) |
| sigma, u | | deviations of states and x from a base potential's |
| M_i | cell_maps | how sigma crosses cell i, a polynomial of sigma and u |
| g_k | law_coefficients | k-th Taylor coefficient of G in s |
| p | momentum | the adjoint, dy/ds(r) |

`model` is the network, `compiled` its steps and their adjoint; `cell_maps` expand it, and from them come
`jets`, `tensors`, `remainder` (what is fitted), `diagrams` and `uncertainty`; `law` holds G against an
equation, `ease` keeps it easy to solve, `accuracy` says how exactly all this is integrated; `learner` and
`fit` are what other rooms see.
"""
