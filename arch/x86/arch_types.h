/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What x86 puts into the core's objects.
 */
#ifndef LODGE_ARCH_TYPES_H
#define LODGE_ARCH_TYPES_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include "emulate/emulate.h"

/* Address spaces a VM has; 0 normal, 1 reserved for system management mode. */
#define LODGE_MAX_AS		2
#define LODGE_MAX_VCPUS		1024
#define LODGE_MAX_VCPU_ID	4096

/* Page offsets in the vCPU mapping. */
#define LODGE_PIO_PAGE_OFFSET		KVM_PIO_PAGE_OFFSET		/* 1 */
#define LODGE_COALESCED_PAGE_OFFSET	KVM_COALESCED_MMIO_PAGE_OFFSET	/* 2 */
#define LODGE_RUN_PAGES			3

struct lodge_vmcb;
struct lodge_cpuid;
struct lodge_msr_filter;
struct lodge_vcpu;

struct lodge_memslot_arch {
};

/* Machine-check banks offered to guests. */
#define LODGE_MCE_BANKS		32

struct lodge_vm_arch {
	u64 tss_addr;			/* [V] KVM_SET_TSS_ADDR, kept for user space's sake */
	u64 identity_map_addr;		/* [V] */
	u32 user_space_msr_mask;	/* [V] KVM_MSR_EXIT_REASON_* */
	bool exception_payload;		/* [V] KVM_CAP_EXCEPTION_PAYLOAD */
	bool triple_fault_event;	/* [V] KVM_CAP_X86_TRIPLE_FAULT_EVENT */
	bool exit_on_emulation_failure;	/* [V] */
	u64 disabled_quirks;		/* [V] */
	struct lodge_msr_filter __rcu *msr_filter;	/* [V], readers by the VM's SRCU */

	raw_spinlock_t clock_lock;
	s64 kvmclock_offset;		/* clock_lock: KVM_GET/SET_CLOCK, ns */
	u32 default_tsc_khz;		/* [V] */
	u64 tsc_last_write;		/* clock_lock: guest TSC value written last ... */
	u64 tsc_last_host;		/* ... at this host TSC */
	u64 tsc_last_offset;		/* ... giving this offset */

	unsigned long *msrpm;		/* [I] MSR permission map shared by all vCPUs */
	unsigned long *iopm;		/* [I] I/O permission map: all intercepted */
};

/* GPR numbers as encoded in instructions. */
enum lodge_gpr {
	LODGE_RAX, LODGE_RCX, LODGE_RDX, LODGE_RBX, LODGE_RSP, LODGE_RBP, LODGE_RSI, LODGE_RDI,
	LODGE_R8, LODGE_R9, LODGE_R10, LODGE_R11, LODGE_R12, LODGE_R13, LODGE_R14, LODGE_R15,
	LODGE_NR_GPRS
};

/* Exceptions, interrupts and NMIs on their way into the guest. */
struct lodge_events {
	struct {
		bool pending;		/* decided, not yet delivered; payload not applied */
		bool injected;		/* delivery was begun; repeat it as it is */
		u8 nr;
		bool has_error;
		u32 error;
		bool has_payload;
		u64 payload;		/* #PF: CR2, #DB: DR6 bits */
	} exception;
	struct {
		bool injected;
		bool soft;		/* INTn */
		u8 nr;
	} interrupt;
	struct {
		unsigned int pending;	/* 0..2 */
		bool injected;
		bool masked;		/* until IRET */
	} nmi;
	bool triple_fault;
};

/* Up to one access, split into pieces that user space can do; see mmio.c */
#define LODGE_MMIO_FRAGMENTS	8

/* A pending access that user space completes; see mmio.c and pio.c. */
struct lodge_mmio_state {
	struct lodge_mmio_fragment {
		gpa_t gpa;
		u8 len;
		bool write;
		bool done;
		u8 data[8];
	} fragment[LODGE_MMIO_FRAGMENTS];
	unsigned int nr;
	unsigned int next;
	bool active;
};

struct lodge_pio_state {
	u16 port;
	u8 size;
	bool in;
	unsigned int count;
	unsigned long linear_rip;	/* rip after which the IN completes */
	bool string;
};

#define LODGE_NR_FIXED_MTRRS	11
#define LODGE_NR_VAR_MTRRS	8

struct lodge_vcpu_arch {
	/* Canonical for all sixteen; svm/run.c copies RAX and RSP to the VMCB and back. rip, rflags, segments, CR2, CR3 live in the VMCB. */
	unsigned long regs[LODGE_NR_GPRS];
	struct lodge_vmcb *vmcb;	/* [I] one page */
	hpa_t vmcb_pa;			/* [I] */

	/* svm/asid.c */
	u64 asid_generation;
	int asid_cpu;

	/*
	 * Guest's view where it differs from the VMCB's: CR0's CD and NW, CR4 and EFER without what the host adds.
	 * Use lodge_x86_cr0() and friends (regs.h).
	 */
	u64 cr0_cache_bits;
	u64 efer;
	u64 cr8;			/* TPR >> 4 */
	u64 apic_base;

	struct lodge_events events;
	bool nmi_window_by_iret;	/* IRET is intercepted */
	bool nmi_single_step;		/* stepping over it */
	unsigned long nmi_iret_rip;
	bool irq_window_wanted;		/* run->request_interrupt_window, read once */
	u64 exit_code;			/* of the last #VMEXIT, for the outer loop */

	/* Debug registers: guest's, and which are live in hardware */
	u64 db[4];
	u64 dr6;
	u64 dr7;
	struct kvm_guest_debug guest_debug;
	unsigned long single_step_rip;
	bool dr_live;

	/* xstate.c: user-ABI (standard, not compacted) image, 64-byte aligned */
	void *xstate;			/* [I] */
	u64 xcr0;
	u64 xss;
	u64 pkru;
	u32 host_pkru;
	bool fpu_live;

	/* cpuid.c */
	struct lodge_cpuid *cpuid;	/* NULL until KVM_SET_CPUID2 */
	u64 guest_cr4_reserved;		/* bits CR4 may not have with this CPUID */
	u64 guest_efer_reserved;
	u64 guest_xcr0_supported;
	gpa_t guest_gpa_reserved;	/* bits above the guest's MAXPHYADDR */
	bool ran;			/* KVM_RUN was called: CPUID is final */

	/* msr.c */
	u64 pat;
	u64 misc_enable;
	u64 spec_ctrl;
	u64 tsc_aux;
	u64 tsc_offset;			/* guest TSC = host TSC + offset */
	u64 tsc_adjust;
	u32 tsc_khz;
	u64 last_host_tsc;		/* at the last depart; clock.c compensates a TSC that went back */
	u64 ucode_rev;
	u64 hwcr;
	u64 platform_info;
	u64 mtrr_def_type;
	u64 mtrr_fixed[LODGE_NR_FIXED_MTRRS];
	u64 mtrr_var[2 * LODGE_NR_VAR_MTRRS];
	u64 mcg_cap, mcg_status, mcg_ctl;
	u64 *mce_banks;			/* 4 * LODGE_MCE_BANKS */
	struct {
		u32 index;
		u64 data;
		bool write;
	} msr_exit;			/* waits for user space */

	struct lodge_pio_state pio;
	struct lodge_mmio_state mmio;
	struct lodge_x86_emulator emulator;

	u32 sync_valid;			/* kvm_valid_regs, read once a run */
	bool arrived;			/* arrive() since the last entry: IBPB etc. done */
};

#endif
