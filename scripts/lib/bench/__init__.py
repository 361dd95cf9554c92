# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench: forwarders side by side over the same virtio-user wires, after RFC 2544."""
