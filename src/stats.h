/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters, and the files through which user space reads them (KVM_GET_STATS_FD).
 * Names are KVM's, so that kvm_stat works unmodified.
 */
#ifndef LODGE_STATS_H
#define LODGE_STATS_H

#include <linux/types.h>

struct lodge_vm;
struct lodge_vcpu;

/* Names and ids ("kvm-PID/vcpu-N") in a stats file, their NUL included. */
#define LODGE_STATS_NAME_SIZE	48

struct lodge_vm_stats {
	u64 remote_tlb_flush;
	u64 remote_tlb_flush_requests;
	u64 pages_4k;		/* the three: counted by the trees, filled in for each read */
	u64 pages_2m;
	u64 pages_1g;
};

struct lodge_vcpu_stats {
	u64 exits;
	u64 pf_taken;
	u64 pf_fixed;
	u64 pf_emulate;
	u64 io_exits;
	u64 mmio_exits;
	u64 signal_exits;
	u64 irq_window_exits;
	u64 nmi_window_exits;
	u64 halt_exits;
	u64 request_irq_exits;
	u64 irq_exits;
	u64 fpu_reload;
	u64 insn_emulation;
	u64 insn_emulation_fail;
	u64 insn_fetch_cycles;	/* only while the parameter measure_fetch is set */
	u64 hypercalls;
	u64 irq_injections;
	u64 nmi_injections;
	u64 tlb_flush;
};

/* KVM_GET_STATS_FD. Context: may sleep. Return: a file descriptor or -errno. The file holds a VM reference. */
int lodge_stats_vm_fd(struct lodge_vm *vm);
int lodge_stats_vcpu_fd(struct lodge_vcpu *vcpu);

#endif
