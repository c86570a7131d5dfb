// SPDX-License-Identifier: GPL-2.0
/*
 * Debug registers: the guest's own, user space's breakpoints and single steps.
 *
 * arch.db, dr6 and dr7 are the guest's. DR6 and DR7 also have a place in the
 * VMCB; DR0-3 have none and are swapped by hand. Normally every access of the
 * guest is intercepted and nothing is swapped. A guest that uses them gets them
 * for real until it leaves the inner loop.
 *
 * While they are not the guest's, DR6 in the VMCB is clear before each entry,
 * so that after a #DB it shows what just happened and nothing else.
 */
#include <linux/percpu.h>
#include <linux/string.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "debugregs.h"
#include "events.h"
#include "regs.h"
#include "svm/vmcb.h"
#include "vcpu.h"

#define DR6_CLEAR	0xffff0ff0ull	/* nothing happened: the active-low bits are 1 */
#define DR6_SETTABLE	0x0000e00full	/* B0-3, BD, BS, BT */
#define DR6_BD		BIT_ULL(13)
#define DR6_BS		BIT_ULL(14)
#define DR7_ONE		BIT_ULL(10)	/* always 1 */
#define DR7_SETTABLE	0xffff2bffull
#define DR7_GD		BIT_ULL(13)
#define DR7_ENABLED	0xffull
#define DR_INTERCEPTS	(LODGE_ICPT_DR_READ / 32)	/* reads and writes share a word */
#define BP_INTERCEPT	(LODGE_ICPT_EXCEPTION + X86_TRAP_BP)

/* What hw_breakpoint users had in DR0-3 while a guest's values are loaded. */
struct host_debugregs {
	unsigned long db[4];
	bool swapped;
};

static DEFINE_PER_CPU(struct host_debugregs, host_debugregs);

static u32 debugging(struct lodge_vcpu *vcpu)
{
	return vcpu->arch.guest_debug.control;
}

static u64 effective_dr7(struct lodge_vcpu *vcpu)
{
	if (debugging(vcpu) & KVM_GUESTDBG_USE_HW_BP)
		return vcpu->arch.guest_debug.arch.debugreg[7];
	return vcpu->arch.dr7;
}

static u64 effective_db(struct lodge_vcpu *vcpu, unsigned int n)
{
	if (debugging(vcpu) & KVM_GUESTDBG_USE_HW_BP)
		return vcpu->arch.guest_debug.arch.debugreg[n];
	return vcpu->arch.db[n];
}

/**
 * lodge_dr_update() - bring the VMCB in line after a change of either side
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex; also just before entry.
 */
void lodge_dr_update(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb *vmcb = vcpu->arch.vmcb;

	vmcb->save.dr7 = effective_dr7(vcpu);
	lodge_vmcb_mark_dirty(vmcb, LODGE_CLEAN_DR);
	vmcb->control.intercepts[DR_INTERCEPTS] = vcpu->arch.dr_live ? 0 : ~0u;
	lodge_vmcb_mark_dirty(vmcb, LODGE_CLEAN_INTERCEPTS);
	if (debugging(vcpu) & KVM_GUESTDBG_USE_SW_BP)
		lodge_vmcb_set_intercept(vmcb, BP_INTERCEPT);
	else
		lodge_vmcb_clear_intercept(vmcb, BP_INTERCEPT);
}

/**
 * lodge_dr_reset() - debug registers as after a reset
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex, or nobody else knows the vCPU yet.
 */
void lodge_dr_reset(struct lodge_vcpu *vcpu)
{
	memset(vcpu->arch.db, 0, sizeof(vcpu->arch.db));
	vcpu->arch.dr6 = DR6_CLEAR;
	vcpu->arch.dr7 = DR7_ONE;
	vcpu->arch.dr_live = false;
	vcpu->arch.debug_exit = 0;
	vcpu->arch.vmcb->save.dr6 = DR6_CLEAR;
	lodge_dr_update(vcpu);
}

/* The inner loop is left at once, and lodge_dr_exit_due() makes the exit. */
static void request_exit(struct lodge_vcpu *vcpu, u32 dr6_bits)
{
	vcpu->arch.debug_exit = dr6_bits;
	lodge_vcpu_request(vcpu, LODGE_REQ_KICK);
}

static void raise_general_detect(struct lodge_vcpu *vcpu)
{
	if (debugging(vcpu) & KVM_GUESTDBG_USE_HW_BP)
		request_exit(vcpu, DR6_BD);
	else
		lodge_x86_raise_db(vcpu, DR6_BD);
}

/* DR4 and DR5 are other names for DR6 and DR7 unless CR4.DE takes them away; above DR7 there is nothing. */
static bool access_allowed(struct lodge_vcpu *vcpu, unsigned int n)
{
	bool alias = n == 4 || n == 5;

	if (n > 7 || (alias && (lodge_x86_save(vcpu)->cr4 & X86_CR4_DE))) {
		lodge_x86_raise(vcpu, X86_TRAP_UD);
		return false;
	}
	if (lodge_x86_cpl(vcpu)) {
		lodge_x86_raise_error(vcpu, X86_TRAP_GP, 0);
		return false;
	}
	if (effective_dr7(vcpu) & DR7_GD) {
		raise_general_detect(vcpu);
		return false;
	}
	return true;
}

/* Who uses debug registers uses them again soon; but a debugger outside comes first. */
static void go_live(struct lodge_vcpu *vcpu)
{
	if (debugging(vcpu) || vcpu->arch.dr_live)
		return;
	vcpu->arch.dr_live = true;
	lodge_dr_update(vcpu);
}

/**
 * lodge_dr_get() - the guest reads a debug register
 * @vcpu: the vCPU
 * @n: number, 0 to 15
 * @val: out
 *
 * Context: vcpu->mutex. Return: 0; 1: an exception was raised or an exit to user space is due; do not advance.
 */
int lodge_dr_get(struct lodge_vcpu *vcpu, unsigned int n, u64 *val)
{
	if (!access_allowed(vcpu, n))
		return 1;
	if (n < 4)
		*val = vcpu->arch.db[n];
	else
		*val = n & 1 ? vcpu->arch.dr7 : vcpu->arch.dr6;
	go_live(vcpu);
	return 0;
}

/**
 * lodge_dr_set() - the guest writes a debug register
 * @vcpu: the vCPU
 * @n: number, 0 to 15
 * @val: value; the upper halves of DR6 and DR7 must be 0
 *
 * Context: vcpu->mutex. Return: 0; 1: an exception was raised or an exit to user space is due; do not advance.
 */
int lodge_dr_set(struct lodge_vcpu *vcpu, unsigned int n, u64 val)
{
	if (!access_allowed(vcpu, n))
		return 1;
	if (n >= 4 && val >> 32) {
		lodge_x86_raise_error(vcpu, X86_TRAP_GP, 0);
		return 1;
	}
	if (n < 4)
		vcpu->arch.db[n] = val;
	else if (n & 1)
		vcpu->arch.dr7 = (val & DR7_SETTABLE) | DR7_ONE;
	else
		vcpu->arch.dr6 = (val & DR6_SETTABLE) | DR6_CLEAR;
	go_live(vcpu);
	lodge_dr_update(vcpu);
	return 0;
}

static void read_db(unsigned long db[4])
{
	get_debugreg(db[0], 0);
	get_debugreg(db[1], 1);
	get_debugreg(db[2], 2);
	get_debugreg(db[3], 3);
	/* The compiler may move reads of registers, but not behind this. */
	barrier();
}

static void write_db(u64 db0, u64 db1, u64 db2, u64 db3)
{
	set_debugreg(db0, 0);
	set_debugreg(db1, 1);
	set_debugreg(db2, 2);
	set_debugreg(db3, 3);
}

/* Host breakpoints are off before their registers hold addresses of the guest. */
static void load_guest(struct lodge_vcpu *vcpu, struct host_debugregs *host)
{
	if (hw_breakpoint_active())
		read_db(host->db);
	set_debugreg(DR7_ONE, 7);
	write_db(effective_db(vcpu, 0), effective_db(vcpu, 1), effective_db(vcpu, 2), effective_db(vcpu, 3));
	host->swapped = true;
}

/* Neither side uses breakpoints, and DR6 shows nothing: nothing is to be swapped. */
static bool is_quiet(struct lodge_vcpu *vcpu)
{
	const struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	return !vcpu->arch.dr_live && !(save->dr7 & DR7_ENABLED) && save->dr6 == DR6_CLEAR && !hw_breakpoint_active();
}

static noinline void enter(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);
	u64 dr6 = vcpu->arch.dr_live ? vcpu->arch.dr6 : DR6_CLEAR;

	if (save->dr6 != dr6) {
		save->dr6 = dr6;
		lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_DR);
	}
	if (vcpu->arch.dr_live || (save->dr7 & DR7_ENABLED))
		load_guest(vcpu, this_cpu_ptr(&host_debugregs));
	else if (hw_breakpoint_active())
		set_debugreg(DR7_ONE, 7);
}

/**
 * lodge_dr_enter() - guest debug registers in, where they matter
 * @vcpu: the vCPU
 *
 * Context: interrupts off, from here to lodge_dr_leave().
 */
void lodge_dr_enter(struct lodge_vcpu *vcpu)
{
	if (!is_quiet(vcpu))
		enter(vcpu);
}

static void save_guest(struct lodge_vcpu *vcpu)
{
	unsigned long db[4];
	unsigned int n;

	read_db(db);
	for (n = 0; n < 4; n++)
		vcpu->arch.db[n] = db[n];
	vcpu->arch.dr6 = lodge_x86_save(vcpu)->dr6;
	vcpu->arch.dr7 = lodge_x86_save(vcpu)->dr7;
}

/*
 * An exit turns all breakpoints off in DR7 but leaves the guest's DR6 behind,
 * which would be taken for the host's own at its next #DB.
 */
static noinline void leave(struct lodge_vcpu *vcpu)
{
	struct host_debugregs *host = this_cpu_ptr(&host_debugregs);
	bool active = hw_breakpoint_active();

	if (vcpu->arch.dr_live)
		save_guest(vcpu);
	if (lodge_x86_save(vcpu)->dr6 != DR6_CLEAR)
		set_debugreg(DR6_CLEAR, 6);
	if (host->swapped && active)
		write_db(host->db[0], host->db[1], host->db[2], host->db[3]);
	if (host->swapped || active)
		set_debugreg(__this_cpu_read(cpu_dr7) | DR7_ONE, 7);
	host->swapped = false;
}

/**
 * lodge_dr_leave() - the host's debug registers back, if it uses any
 * @vcpu: the vCPU
 *
 * What lodge_dr_enter() swapped is not quiet here either: only a guest whose
 * registers are live changes DR7. Context: interrupts off, since lodge_dr_enter().
 */
void lodge_dr_leave(struct lodge_vcpu *vcpu)
{
	if (!is_quiet(vcpu))
		leave(vcpu);
}

/**
 * lodge_dr_depart() - the guest's accesses are intercepted again
 * @vcpu: the vCPU
 *
 * Context: the inner loop was left, with the guest's registers live.
 */
void lodge_dr_depart(struct lodge_vcpu *vcpu)
{
	vcpu->arch.dr_live = false;
	lodge_dr_update(vcpu);
}

static int exit_debug(struct lodge_vcpu *vcpu, u32 exception, u64 dr6)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch = (struct kvm_debug_exit_arch) {
		.exception = exception,
		.pc = lodge_x86_linear_rip(vcpu),
		.dr6 = dr6,
		.dr7 = lodge_x86_save(vcpu)->dr7,
	};
	return LODGE_EXIT_TO_USER;
}

/**
 * lodge_dr_exit_due() - make the KVM_EXIT_DEBUG that an emulated instruction called for
 * @vcpu: the vCPU
 *
 * Context: outer loop, before entry. Return: true if kvm_run was filled in.
 */
bool lodge_dr_exit_due(struct lodge_vcpu *vcpu)
{
	u64 bits = vcpu->arch.debug_exit;

	if (!bits)
		return false;
	vcpu->arch.debug_exit = 0;
	exit_debug(vcpu, X86_TRAP_DB, DR6_CLEAR | bits);
	return true;
}

/*
 * Our own step over an IRET has ended. Returns the DR6 that is left for others;
 * without the single-step bit if neither the guest nor user space was stepping.
 */
static u64 end_nmi_step(struct lodge_vcpu *vcpu, u64 dr6)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	vcpu->arch.nmi_single_step = false;
	if (!(vcpu->arch.nmi_step_rflags & X86_EFLAGS_RF))
		save->rflags &= ~(u64)X86_EFLAGS_RF;
	if ((vcpu->arch.nmi_step_rflags & X86_EFLAGS_TF) || (debugging(vcpu) & KVM_GUESTDBG_SINGLESTEP))
		return dr6;
	save->rflags &= ~(u64)X86_EFLAGS_TF;
	return dr6 & ~DR6_BS;
}

/**
 * lodge_dr_handle_db() - #DB was intercepted
 * @vcpu: the vCPU
 *
 * Context: outer loop. Return: LODGE_EXIT_TO_USER if user space debugs, else LODGE_RESUME_GUEST.
 */
int lodge_dr_handle_db(struct lodge_vcpu *vcpu)
{
	u64 dr6 = lodge_x86_save(vcpu)->dr6;

	if (vcpu->arch.nmi_single_step) {
		dr6 = end_nmi_step(vcpu, dr6);
		if (dr6 == DR6_CLEAR)
			return LODGE_RESUME_GUEST;
	}
	if (debugging(vcpu) & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
		return exit_debug(vcpu, X86_TRAP_DB, dr6);
	lodge_x86_raise_db(vcpu, dr6 ^ DR6_CLEAR);
	return LODGE_RESUME_GUEST;
}

/**
 * lodge_dr_handle_bp() - #BP was intercepted; rip is still at the INT3
 * @vcpu: the vCPU
 *
 * Context: outer loop. Return: LODGE_EXIT_TO_USER if user space debugs, else LODGE_RESUME_GUEST.
 */
int lodge_dr_handle_bp(struct lodge_vcpu *vcpu)
{
	if (debugging(vcpu) & KVM_GUESTDBG_USE_SW_BP)
		return exit_debug(vcpu, X86_TRAP_BP, DR6_CLEAR);
	lodge_x86_raise(vcpu, X86_TRAP_BP);
	return LODGE_RESUME_GUEST;
}

/**
 * lodge_dr_emulated_step() - an instruction was emulated: the trap that TF would have raised
 * @vcpu: the vCPU; rip is past the instruction
 *
 * User space's step ends in an exit before the next entry; more than one call
 * for one instruction does no harm. Context: vcpu->mutex; also the inner loop.
 * Return: LODGE_RESUME_GUEST.
 */
int lodge_dr_emulated_step(struct lodge_vcpu *vcpu)
{
	if (!(lodge_x86_save(vcpu)->rflags & X86_EFLAGS_TF))
		return LODGE_RESUME_GUEST;
	if (debugging(vcpu) & KVM_GUESTDBG_SINGLESTEP)
		request_exit(vcpu, DR6_BS);
	else if (lodge_x86_get_rflags(vcpu) & X86_EFLAGS_TF)
		lodge_x86_raise_db(vcpu, DR6_BS);
	return LODGE_RESUME_GUEST;
}

/**
 * lodge_dr_set_guest_debug() - KVM_SET_GUEST_DEBUG
 * @vcpu: the vCPU
 * @dbg: any values
 *
 * Context: vcpu->mutex. Return: 0; -EBUSY: an exception is to be injected but one is pending.
 */
int lodge_dr_set_guest_debug(struct lodge_vcpu *vcpu, const struct kvm_guest_debug *dbg)
{
	struct lodge_events *events = &vcpu->arch.events;
	unsigned long rflags;

	if (dbg->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		if (events->exception.pending || events->triple_fault)
			return -EBUSY;
		lodge_x86_raise(vcpu, dbg->control & KVM_GUESTDBG_INJECT_DB ? X86_TRAP_DB : X86_TRAP_BP);
	}

	/* The old setting hides its TF from this, the new one adds its own below. */
	rflags = lodge_x86_get_rflags(vcpu);
	vcpu->arch.guest_debug = *dbg;
	vcpu->arch.dr_live = false;
	if (!(dbg->control & KVM_GUESTDBG_ENABLE))
		vcpu->arch.guest_debug.control = 0;
	if (!(debugging(vcpu) & KVM_GUESTDBG_SINGLESTEP))
		vcpu->arch.debug_exit = 0;
	vcpu->arch.single_step_rip = lodge_x86_linear_rip(vcpu);
	lodge_x86_set_rflags(vcpu, rflags);
	lodge_dr_update(vcpu);
	return 0;
}

/**
 * lodge_dr_get_debugregs() - KVM_GET_DEBUGREGS
 * @vcpu: the vCPU
 * @dbg: out
 *
 * Context: vcpu->mutex.
 */
void lodge_dr_get_debugregs(struct lodge_vcpu *vcpu, struct kvm_debugregs *dbg)
{
	memset(dbg, 0, sizeof(*dbg));
	memcpy(dbg->db, vcpu->arch.db, sizeof(dbg->db));
	dbg->dr6 = vcpu->arch.dr6;
	dbg->dr7 = vcpu->arch.dr7;
}

/**
 * lodge_dr_set_debugregs() - KVM_SET_DEBUGREGS
 * @vcpu: the vCPU
 * @dbg: any values
 *
 * Context: vcpu->mutex. Return: 0, or -EINVAL before anything changed.
 */
int lodge_dr_set_debugregs(struct lodge_vcpu *vcpu, const struct kvm_debugregs *dbg)
{
	if (dbg->flags || dbg->dr6 >> 32 || dbg->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->arch.db, dbg->db, sizeof(dbg->db));
	vcpu->arch.dr6 = dbg->dr6;
	vcpu->arch.dr7 = dbg->dr7;
	lodge_dr_update(vcpu);
	return 0;
}
