#!/usr/bin/env python3
"""What bench/start.py measures, over programs that are known."""

import os
import sys
import tempfile
import unittest

import start

ANSWERS = "import sys, time; sys.stdin.read(); time.sleep(0.2); print('x', flush=True)"


class StartTest(unittest.TestCase):
    def test_an_answer_counts_from_the_beginning_of_the_process(self):
        seconds = start.seconds_to_first_byte([sys.executable, "-c", ANSWERS], "Hello\n")
        self.assertGreater(seconds, 0.2)

    def test_a_whole_process_counts_to_its_end(self):
        self.assertGreater(start.seconds_of([sys.executable, "-c", "import time; time.sleep(0.2)"]), 0.2)

    def test_programs_that_fail_end_the_measurement(self):
        with self.assertRaises(SystemExit):
            start.seconds_of([sys.executable, "-c", "raise ValueError('no model')"])
        with self.assertRaises(SystemExit):
            start.seconds_to_first_byte([sys.executable, "-c", "pass"], "")

    def test_files_are_read_and_leave_the_cache(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file")
            with open(path, "wb") as file:
                file.write(b"x" * 10000)
            start.read_once([path])
            start.leave_cache([path])
            self.assertEqual(os.path.getsize(path), 10000)


if __name__ == "__main__":
    unittest.main()
