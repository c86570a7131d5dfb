/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtual machine control block, as the AMD manual lays it out.
 */
#ifndef LODGE_SVM_VMCB_H
#define LODGE_SVM_VMCB_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Intercept vectors: word index * 32 + bit. */
enum lodge_intercept {
	/* word 0: CR reads and writes */
	LODGE_ICPT_CR0_READ = 0,
	LODGE_ICPT_CR4_READ = 4,
	LODGE_ICPT_CR0_WRITE = 16,
	LODGE_ICPT_CR3_WRITE = 19,
	LODGE_ICPT_CR4_WRITE = 20,
	LODGE_ICPT_CR8_WRITE = 24,
	/* word 1: DR reads (0..15) and writes (16..31) */
	LODGE_ICPT_DR_READ = 32,
	LODGE_ICPT_DR_WRITE = 48,
	/* word 2: exceptions by vector */
	LODGE_ICPT_EXCEPTION = 64,
	/* word 3 */
	LODGE_ICPT_INTR = 96,
	LODGE_ICPT_NMI,
	LODGE_ICPT_SMI,
	LODGE_ICPT_INIT,
	LODGE_ICPT_VINTR,
	LODGE_ICPT_CR0_SEL_WRITE,
	LODGE_ICPT_IDTR_READ,
	LODGE_ICPT_GDTR_READ,
	LODGE_ICPT_LDTR_READ,
	LODGE_ICPT_TR_READ,
	LODGE_ICPT_IDTR_WRITE,
	LODGE_ICPT_GDTR_WRITE,
	LODGE_ICPT_LDTR_WRITE,
	LODGE_ICPT_TR_WRITE,
	LODGE_ICPT_RDTSC,
	LODGE_ICPT_RDPMC,
	LODGE_ICPT_PUSHF,
	LODGE_ICPT_POPF,
	LODGE_ICPT_CPUID,
	LODGE_ICPT_RSM,
	LODGE_ICPT_IRET,
	LODGE_ICPT_INTN,
	LODGE_ICPT_INVD,
	LODGE_ICPT_PAUSE,
	LODGE_ICPT_HLT,
	LODGE_ICPT_INVLPG,
	LODGE_ICPT_INVLPGA,
	LODGE_ICPT_IOIO_PROT,
	LODGE_ICPT_MSR_PROT,
	LODGE_ICPT_TASK_SWITCH,
	LODGE_ICPT_FERR_FREEZE,
	LODGE_ICPT_SHUTDOWN,
	/* word 4 */
	LODGE_ICPT_VMRUN,
	LODGE_ICPT_VMMCALL,
	LODGE_ICPT_VMLOAD,
	LODGE_ICPT_VMSAVE,
	LODGE_ICPT_STGI,
	LODGE_ICPT_CLGI,
	LODGE_ICPT_SKINIT,
	LODGE_ICPT_RDTSCP,
	LODGE_ICPT_ICEBP,
	LODGE_ICPT_WBINVD,
	LODGE_ICPT_MONITOR,
	LODGE_ICPT_MWAIT,
	LODGE_ICPT_MWAIT_ARMED,
	LODGE_ICPT_XSETBV,
	LODGE_ICPT_RDPRU,
	LODGE_ICPT_EFER_WRITE,
	/* word 5 */
	LODGE_ICPT_INVLPGB = 160,
	LODGE_ICPT_INVLPGB_ILLEGAL,
	LODGE_ICPT_INVPCID,
	LODGE_ICPT_MCOMMIT,
	LODGE_ICPT_TLBSYNC,
};

/* Exit codes. */
#define LODGE_EXIT_CR_READ(n)	(0x000 + (n))
#define LODGE_EXIT_CR_WRITE(n)	(0x010 + (n))
#define LODGE_EXIT_DR_READ(n)	(0x020 + (n))
#define LODGE_EXIT_DR_WRITE(n)	(0x030 + (n))
#define LODGE_EXIT_EXCP(v)	(0x040 + (v))
#define LODGE_EXIT_INTR		0x060
#define LODGE_EXIT_NMI		0x061
#define LODGE_EXIT_SMI		0x062
#define LODGE_EXIT_INIT		0x063
#define LODGE_EXIT_VINTR	0x064
#define LODGE_EXIT_CR0_SEL	0x065
#define LODGE_EXIT_RDPMC	0x06f
#define LODGE_EXIT_CPUID	0x072
#define LODGE_EXIT_RSM		0x073
#define LODGE_EXIT_IRET		0x074
#define LODGE_EXIT_INVD		0x076
#define LODGE_EXIT_PAUSE	0x077
#define LODGE_EXIT_HLT		0x078
#define LODGE_EXIT_INVLPG	0x079
#define LODGE_EXIT_INVLPGA	0x07a
#define LODGE_EXIT_IOIO		0x07b
#define LODGE_EXIT_MSR		0x07c
#define LODGE_EXIT_TASK_SWITCH	0x07d
#define LODGE_EXIT_FERR_FREEZE	0x07e
#define LODGE_EXIT_SHUTDOWN	0x07f
#define LODGE_EXIT_VMRUN	0x080
#define LODGE_EXIT_VMMCALL	0x081
#define LODGE_EXIT_VMLOAD	0x082
#define LODGE_EXIT_VMSAVE	0x083
#define LODGE_EXIT_STGI		0x084
#define LODGE_EXIT_CLGI		0x085
#define LODGE_EXIT_SKINIT	0x086
#define LODGE_EXIT_RDTSCP	0x087
#define LODGE_EXIT_WBINVD	0x089
#define LODGE_EXIT_MONITOR	0x08a
#define LODGE_EXIT_MWAIT	0x08b
#define LODGE_EXIT_MWAIT_COND	0x08c
#define LODGE_EXIT_XSETBV	0x08d
#define LODGE_EXIT_RDPRU	0x08e
#define LODGE_EXIT_INVPCID	0x0a2
#define LODGE_EXIT_NPF		0x400
#define LODGE_EXIT_INVALID	(~0ull)

/* int_ctl */
#define LODGE_V_TPR_MASK	0x0full
#define LODGE_V_IRQ		BIT_ULL(8)
#define LODGE_V_GIF		BIT_ULL(9)
#define LODGE_V_INTR_PRIO(p)	((u64)(p) << 16)
#define LODGE_V_INTR_PRIO_MASK	(0xfull << 16)
#define LODGE_V_IGN_TPR		BIT_ULL(20)
#define LODGE_V_INTR_MASKING	BIT_ULL(24)
#define LODGE_V_GIF_ENABLE	BIT_ULL(25)
#define LODGE_V_INTR_VECTOR(v)	((u64)(v) << 32)

/* event_inj and exit_int_info */
#define LODGE_EVT_VECTOR	0xffull
#define LODGE_EVT_TYPE		(7ull << 8)
#define LODGE_EVT_INTR		(0ull << 8)
#define LODGE_EVT_NMI		(2ull << 8)
#define LODGE_EVT_EXCEPTION	(3ull << 8)
#define LODGE_EVT_SOFT		(4ull << 8)
#define LODGE_EVT_ERROR_VALID	BIT_ULL(11)
#define LODGE_EVT_VALID		BIT_ULL(31)

/* int_state */
#define LODGE_INT_SHADOW	BIT_ULL(0)

/* tlb_ctl */
#define LODGE_TLB_NOTHING	0
#define LODGE_TLB_FLUSH_ALL	1
#define LODGE_TLB_FLUSH_ASID	3

/* nested_ctl */
#define LODGE_NESTED_NP_ENABLE	BIT_ULL(0)

/* Clean bits: a set bit says "unchanged since the last VMRUN of this VMCB on this CPU". */
enum lodge_vmcb_clean {
	LODGE_CLEAN_INTERCEPTS,	/* intercepts, TSC offset, pause filter */
	LODGE_CLEAN_PERM_MAP,
	LODGE_CLEAN_ASID,
	LODGE_CLEAN_INTR,	/* int_ctl, int_vector */
	LODGE_CLEAN_NPT,	/* nested CR3, PAT */
	LODGE_CLEAN_CR,		/* CR0, CR3, CR4, EFER */
	LODGE_CLEAN_DR,
	LODGE_CLEAN_DT,		/* GDT, IDT */
	LODGE_CLEAN_SEG,	/* CS, DS, SS, ES, CPL */
	LODGE_CLEAN_CR2,
	LODGE_CLEAN_LBR,
	LODGE_CLEAN_AVIC,
	LODGE_NR_CLEAN
};

#define LODGE_CLEAN_ALL		(BIT(LODGE_NR_CLEAN) - 1)

struct lodge_vmcb_control {
	u32 intercepts[6];		/* 0x000 */
	u32 reserved_018[9];
	u16 pause_filter_thresh;	/* 0x03c */
	u16 pause_filter_count;
	u64 iopm_base_pa;		/* 0x040 */
	u64 msrpm_base_pa;
	u64 tsc_offset;			/* 0x050 */
	u32 asid;
	u32 tlb_ctl;
	u64 int_ctl;			/* 0x060: V_TPR .. V_INTR_VECTOR */
	u64 int_state;
	u64 exit_code;			/* 0x070 */
	u64 exit_info_1;
	u64 exit_info_2;		/* 0x080 */
	u64 exit_int_info;
	u64 nested_ctl;			/* 0x090 */
	u64 avic_vapic_bar;
	u64 ghcb_gpa;			/* 0x0a0 */
	u64 event_inj;			/* 0x0a8 */
	u64 nested_cr3;			/* 0x0b0 */
	u64 virt_ext;			/* 0x0b8: LBR, VMSAVE virtualisation */
	u32 clean;			/* 0x0c0 */
	u32 reserved_0c4;
	u64 next_rip;			/* 0x0c8: with NRIPS */
	u8 insn_len;			/* 0x0d0: with decode assists */
	u8 insn_bytes[15];
	u8 reserved_0e0[0x400 - 0xe0];
} __packed;

/* attrib: type, S, DPL, P in 0..7; AVL, L, D, G in 8..11 */
struct lodge_vmcb_seg {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
} __packed;

struct lodge_vmcb_save {
	struct lodge_vmcb_seg es, cs, ss, ds, fs, gs;	/* 0x000 */
	struct lodge_vmcb_seg gdtr, ldtr, idtr, tr;	/* 0x060 */
	u8 reserved_0a0[43];
	u8 cpl;				/* 0x0cb */
	u32 reserved_0cc;
	u64 efer;			/* 0x0d0 */
	u8 reserved_0d8[112];
	u64 cr4;			/* 0x148 */
	u64 cr3;
	u64 cr0;
	u64 dr7;			/* 0x160 */
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved_180[88];
	u64 rsp;			/* 0x1d8 */
	u64 s_cet;
	u64 ssp;
	u64 isst_addr;
	u64 rax;			/* 0x1f8 */
	u64 star;
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;		/* 0x220 */
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;			/* 0x240 */
	u8 reserved_248[32];
	u64 g_pat;			/* 0x268 */
	u64 debugctl;
	u64 br_from;
	u64 br_to;
	u64 last_excp_from;
	u64 last_excp_to;
	u8 reserved_298[72];
	u64 spec_ctrl;			/* 0x2e0: with V_SPEC_CTRL */
	u8 reserved_2e8[0xc00 - 0x2e8];
} __packed;

struct lodge_vmcb {
	struct lodge_vmcb_control control;
	struct lodge_vmcb_save save;
} __packed;

static_assert(offsetof(struct lodge_vmcb_control, int_ctl) == 0x60);
static_assert(offsetof(struct lodge_vmcb_control, event_inj) == 0xa8);
static_assert(offsetof(struct lodge_vmcb_control, insn_len) == 0xd0);
static_assert(offsetof(struct lodge_vmcb_save, cpl) == 0xcb);
static_assert(offsetof(struct lodge_vmcb_save, cr4) == 0x148);
static_assert(offsetof(struct lodge_vmcb_save, rsp) == 0x1d8);
static_assert(offsetof(struct lodge_vmcb_save, g_pat) == 0x268);
static_assert(offsetof(struct lodge_vmcb_save, spec_ctrl) == 0x2e0);
static_assert(sizeof(struct lodge_vmcb) == 4096);

static inline void lodge_vmcb_set_intercept(struct lodge_vmcb *vmcb, enum lodge_intercept bit)
{
	vmcb->control.intercepts[bit / 32] |= 1u << (bit % 32);
	vmcb->control.clean &= ~(1u << LODGE_CLEAN_INTERCEPTS);
}

static inline void lodge_vmcb_clear_intercept(struct lodge_vmcb *vmcb, enum lodge_intercept bit)
{
	vmcb->control.intercepts[bit / 32] &= ~(1u << (bit % 32));
	vmcb->control.clean &= ~(1u << LODGE_CLEAN_INTERCEPTS);
}

static inline bool lodge_vmcb_intercepts(const struct lodge_vmcb *vmcb, enum lodge_intercept bit)
{
	return vmcb->control.intercepts[bit / 32] & (1u << (bit % 32));
}

static inline void lodge_vmcb_mark_dirty(struct lodge_vmcb *vmcb, enum lodge_vmcb_clean bit)
{
	vmcb->control.clean &= ~(1u << bit);
}

#endif
