"""Packages are found, so that no new folder is forgotten; the assets lie in the wheel under a name of their own.

All else stands in pyproject.toml, which cannot say both.
"""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["mesa_core*", "dashboard*"]), "mesa_lab_assets"])
