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
#include "types.h"

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
	struct lodge_msr_filter __rcu *msr_filter;	/* [V], readers by RCU */
	u32 max_vcpu_ids;		/* [V] KVM_CAP_MAX_VCPU_ID, 0: not given */
	u32 boot_cpu_id;		/* [V] KVM_SET_BOOT_CPU_ID */

	raw_spinlock_t clock_lock;
	s64 kvmclock_offset;		/* clock_lock: KVM_GET/SET_CLOCK, ns */
	u32 default_tsc_khz;		/* [V] */
	u64 tsc_last_offset;		/* clock_lock: given to the vCPU that was written last ... */
	u32 tsc_last_khz;		/* ... whose frequency is this; 0: none yet */
	bool tsc_user_set;		/* clock_lock: user space has written a TSC */
	u64 tsc_lost_seen;		/* clock_lock: suspends that tsc_last_offset makes up for */

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
	bool soft_injected;		/* #BP or #OF by us: rip was moved past the instruction ... */
	unsigned long soft_rip;		/* ... from here; put back if delivery was cut short */
};

/*
 * One instruction's device accesses, in pieces of up to 8 bytes: 32 bytes that
 * cross a page make 6. Reads are a log that the repeated emulation is answered from.
 */
#define LODGE_MMIO_FRAGMENTS	8

struct lodge_mmio_fragment {
	gva_t linear;			/* reads: where it was translated from */
	gpa_t gpa;
	u8 len;
	u8 data[8];
};

struct lodge_mmio_state {
	struct lodge_mmio_fragment read[LODGE_MMIO_FRAGMENTS];
	unsigned int nr_reads;		/* answered */
	unsigned int next_read;		/* replayed so far */
	struct lodge_mmio_fragment write[LODGE_MMIO_FRAGMENTS];
	unsigned int nr_writes;
	unsigned int next_write;	/* handed out so far */
	unsigned long rip;		/* of the instruction that waits for data */
};

/* An access to ports that user space has to do. */
struct lodge_pio_state {
	u16 port;
	u8 size;
	bool in;
	bool answered;			/* string IN: data is there */
	unsigned int count;		/* 0: none */
	unsigned long rip;		/* of the instruction ... */
	unsigned long next_rip;		/* ... and where to go on, unless user space moved rip */
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
	bool cr4_mce_hidden;		/* the host's MCE is set, the guest's is not */
	u64 efer;
	u64 cr8;			/* TPR >> 4 */
	u64 apic_base;

	struct lodge_events events;
	bool nmi_window_by_iret;	/* IRET is intercepted */
	bool nmi_single_step;		/* stepping over it */
	unsigned long nmi_step_rflags;	/* guest's TF and RF meanwhile */
	unsigned long nmi_iret_rip;
	bool irq_window_wanted;		/* run->request_interrupt_window, read once */
	u64 exit_code;			/* of the last #VMEXIT, for the outer loop */

	/* Debug registers: guest's, and which are live in hardware */
	u64 db[4];
	u64 dr6;
	u64 dr7;
	struct kvm_guest_debug guest_debug;
	unsigned long single_step_rip;	/* linear; TF is set for user space if the guest is here */
	u32 debug_exit;			/* DR6 bits of a KVM_EXIT_DEBUG that is due, or 0 */
	bool dr_live;			/* guest reaches DR0-7 itself until it leaves the inner loop */

	/* xstate.c: user-ABI (standard, not compacted) image, 64-byte aligned */
	void *xstate;			/* [I] */
	u64 xcr0;
	u64 host_xcr0;			/* [I] */
	u64 xss;
	u64 host_xss;			/* [I] 0 where there are no supervisor components */
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
	u64 last_host_tsc;		/* at the last depart */
	u64 tsc_lost_seen;		/* suspends that tsc_offset makes up for */
	u64 ucode_rev;
	u64 hwcr;
	u64 de_cfg;
	u64 mtrr_def_type;
	u64 mtrr_fixed[LODGE_NR_FIXED_MTRRS];
	u64 mtrr_var[2 * LODGE_NR_VAR_MTRRS];
	u64 mcg_cap, mcg_status, mcg_ctl;
	u64 *mce_banks;			/* 4 * LODGE_MCE_BANKS */
	struct {
		bool write;
		unsigned long next_rip;
	} msr_exit;			/* waits for user space */

	struct lodge_pio_state pio;
	struct lodge_mmio_state mmio;
	struct lodge_x86_emulator emulator;

	u32 sync_valid;			/* kvm_valid_regs, read once a run */
	u64 host_tsc_aux;		/* of the CPU of the last arrival */
	bool tsc_aux_live;		/* hardware holds the guest's */
};

#endif
