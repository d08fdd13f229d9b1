# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulator of the ECS OpenAPI 2014-05-26: a state machine free of HTTP (``cloud``) and a server in front of it."""
