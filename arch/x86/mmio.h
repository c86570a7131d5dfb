/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Emulation of one instruction against guest memory, MMIO and ports.
 */
#ifndef LODGE_X86_MMIO_H
#define LODGE_X86_MMIO_H

#include "types.h"

struct lodge_vcpu;

/*
 * Emulate the instruction at rip. Outer loop; SRCU held; may sleep.
 * LODGE_RESUME_GUEST (done, or an exception was raised), LODGE_EXIT_TO_USER (MMIO, IO, INTERNAL_ERROR with the bytes, DEBUG), -errno.
 * Sets complete_userspace_io where user space owes data.
 */
int lodge_mmio_emulate(struct lodge_vcpu *vcpu);

#endif
