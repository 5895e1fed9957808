"""The paper (Qiao, Yang and Li, NeurIPS 2019), redrawn from our own runs and compared with its figures.

    figure1.py     Figure 1(b): an original trigger and the distribution of triggers that work like it
    figure3.py     Figure 3(a): alpha = 0, 0.1, 10; 3(b): beta = 0.5, 0.8, 0.9
    figure4.py     Figure 4: all 51 triggers, every defence
    figure5.py     Figure 5: distributions from easy to hard triggers
    detection.py   Section 4.3: all ten classes searched
    lottery.py     ten reversed triggers a column, while the budget, the search or the network changes
    searched.py    the classes of networks that nobody attacked
    claims.py      what the paper says, each number with its place, and both rules of each claim in words
    rules.py       the rules as pure functions of figures
    judging.py     what an answer holds, and the figures that answers are made of
    defended.py    answers from the sweep over the 51
    sampled.py     answers about alpha, beta, detection, modes
    verdicts.py    every claim with its answer
    material.py    the runs behind all of these, read and put into groups
    everything.py  all figures and tables by name, as `mesa-lab figures` and the page show them

Nothing here computes a result; a figure whose runs are missing is missing, and says which runs it needs. No torch.
"""
