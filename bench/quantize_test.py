#!/usr/bin/env python3
"""What bench/quantize.py measures and prints."""

import sys
import unittest

import quantize
from quantize import Cost


class QuantizeTest(unittest.TestCase):
    def test_a_process_costs_time_and_memory(self):
        cost = quantize.cost_of([sys.executable, "-c", "import time; x = bytearray(50 << 20); time.sleep(0.2)"])
        self.assertGreater(cost.wall, 0.2)
        self.assertGreater(cost.wall, cost.cpu)
        self.assertGreater(cost.resident, 50 << 20)

    def test_programs_that_fail_end_the_measurement(self):
        with self.assertRaisesRegex(SystemExit, "no such type"):
            quantize.cost_of([sys.executable, "-c", "raise ValueError('no such type')"])

    def test_the_middle_of_the_rounds_counts_and_the_most_memory(self):
        costs = [Cost(3, 5, 10), Cost(1, 4, 30), Cost(2, 6, 20)]
        self.assertEqual(quantize.median(costs), Cost(2, 5, 30))

    def test_the_ratio_is_to_the_best_peer(self):
        costs = {"tael": Cost(2, 4, 1 << 20), "a": Cost(8, 9, 1 << 20), "b": Cost(5, 9, 1 << 20)}
        lines = list(quantize.table("Q8_0", costs))
        self.assertEqual(lines[0], "| Q8_0 | tael | 2.00 | 4.00 | 1 | 2.50 |")
        self.assertEqual(lines[1], "| Q8_0 | a | 8.00 | 9.00 | 1 |  |")

    def test_no_ratio_without_a_peer(self):
        self.assertTrue(list(quantize.table("Q8_0", {"tael": Cost(2, 4, 1)}))[0].endswith("|  |"))


if __name__ == "__main__":
    unittest.main()
