"""Runs pyspf's testspf in the current folder, with names of cases that a list can hold, and without the doctests of
pyspf's own module."""

import sys
import unittest

sys.path.insert(0, ".")

import testspf  # noqa: E402


class Case(testspf.SPFTestCase):
    def __str__(self):
        return self.id()


testspf.SPFTestCase = Case
suite = unittest.TestLoader().loadTestsFromTestCase(testspf.SPFTestCases)
for file in ("test.yml", "rfc7208-tests.yml", "rfc4408-tests.yml"):
    suite.addTest(testspf.makeSuite(file))
result = unittest.TextTestRunner().run(suite)
sys.exit(not result.wasSuccessful())
