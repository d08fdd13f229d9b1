# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip.py that ansible-test downloads from a host of its own: pip comes from the package index.

ansible-test runs this in an empty virtual environment, with requirements (`pip==24.2`) and options (`--no-setuptools`)
as arguments. ensurepip runs in a child process, for it disables pip's configuration in the process that it runs in.
"""

from __future__ import annotations

import subprocess
import sys

requirements = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *requirements])
