/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Port I/O.
 */
#ifndef LODGE_X86_PIO_H
#define LODGE_X86_PIO_H

#include "types.h"

struct lodge_vcpu;

/* IOIO intercept of IN/OUT (not string): EXITINFO1 as given. Needs next_rip. RESUME, EXIT_TO_USER. @in_inner: only try bus devices, -EAGAIN to leave. */
int lodge_pio_handle(struct lodge_vcpu *vcpu, u64 exit_info_1, unsigned long next_rip);
/* Inner loop: an OUT or IN that a kernel device (ioeventfd, coalesced zone) takes. True if done. */
bool lodge_pio_fast(struct lodge_vcpu *vcpu, u64 exit_info_1, unsigned long next_rip);

#endif
