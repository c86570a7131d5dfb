/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Port I/O.
 */
#ifndef LODGE_X86_PIO_H
#define LODGE_X86_PIO_H

#include "types.h"

struct lodge_vcpu;

/* Outer loop: ask user space; EXITINFO1 as given, not for string forms. LODGE_EXIT_TO_USER. */
int lodge_pio_handle(struct lodge_vcpu *vcpu, u64 exit_info_1, unsigned long next_rip);
/* Inner loop: an OUT or IN that a kernel device (ioeventfd, coalesced zone) takes. True if done. */
bool lodge_pio_fast(struct lodge_vcpu *vcpu, u64 exit_info_1, unsigned long next_rip);
/* Fill kvm_run from arch.pio. LODGE_EXIT_TO_USER. */
int lodge_pio_exit(struct lodge_vcpu *vcpu);

#endif
