/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows how kernels differ.
 *
 * scripts/probe.sh looks into the kernel's headers and writes probe.h; what
 * differs gets one shape here, in the newest kernel's way where there is one.
 */
#ifndef LODGE_COMPAT_H
#define LODGE_COMPAT_H

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/timekeeping.h>
#include <linux/version.h>
#include "probe.h"

#ifdef LODGE_HAVE_ENTRY_VIRT_H
#include <linux/entry-virt.h>
#elif defined(LODGE_HAVE_XFER_TO_GUEST_MODE)
#include <linux/entry-kvm.h>
#endif
#ifdef LODGE_HAVE_RSEQ_VIRT_EXIT
#include <linux/rseq.h>
#endif
#ifdef LODGE_HAVE_TRACE_IPI_H
#include <trace/events/ipi.h>
#endif
#ifdef CONFIG_X86
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/reboot.h>
#ifdef LODGE_HAVE_CPUID_API_H
#include <asm/cpuid/api.h>
#endif
#endif

/* Kernels whose headers and behaviour were compared with what Lodge relies on. */
#define LODGE_KERNEL_RANGE	"6.1 to 7.3"
#define LODGE_KERNEL_KNOWN	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0) && \
				 LINUX_VERSION_CODE < KERNEL_VERSION(7, 4, 0))

/* Files */

#ifndef LODGE_HAVE_ANON_INODE_FMODE
static inline struct file *anon_inode_getfile_fmode(const char *name, const struct file_operations *fops,
						    void *priv, int flags, fmode_t f_mode)
{
	struct file *file = anon_inode_getfile(name, fops, priv, flags);

	if (!IS_ERR(file))
		file->f_mode |= f_mode;
	return file;
}
#endif

/* Adds one to the counter and wakes readers. Context: any, interrupts on or off. */
static inline void lodge_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef LODGE_HAVE_EVENTFD_SIGNAL_1
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* Memory */

#ifndef LODGE_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

/* Flags of get_user_pages() that say nothing on kernels without them. */
#ifdef LODGE_HAVE_FOLL_INTERRUPTIBLE
#define LODGE_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define LODGE_FOLL_INTERRUPTIBLE	0
#endif
#ifdef LODGE_HAVE_FOLL_HONOR_NUMA_FAULT
#define LODGE_FOLL_HONOR_NUMA_FAULT	FOLL_HONOR_NUMA_FAULT
#else
#define LODGE_FOLL_HONOR_NUMA_FAULT	0
#endif

/* Huge entries of mappings without struct pages. */
#ifdef LODGE_HAVE_PMD_SPECIAL
#define lodge_pmd_special(pmd)	pmd_special(pmd)
#define lodge_pud_special(pud)	pud_special(pud)
#else
#define lodge_pmd_special(pmd)	false
#define lodge_pud_special(pud)	false
#endif

/* What the ageing hooks of struct mmu_notifier_ops return. */
#ifdef LODGE_HAVE_NOTIFIER_AGE_BOOL
typedef bool lodge_age_t;
#else
typedef int lodge_age_t;
#endif

/*
 * Frame behind @addr in a mapping without struct pages (VM_IO or VM_PFNMAP). Context: mmap lock held. The answer holds
 * until the next invalidation only. 0, or -EINVAL if nothing is mapped there.
 */
static inline int lodge_follow_pfn(struct vm_area_struct *vma, unsigned long addr, unsigned long *pfn, bool *writable)
{
#ifdef LODGE_HAVE_FOLLOW_PFNMAP
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int err = follow_pfnmap_start(&args);

	if (err)
		return err;
	*pfn = args.pfn;
	*writable = args.writable;
	follow_pfnmap_end(&args);
#else
	spinlock_t *lock;
	pte_t *ptep;
	int err = follow_pte(vma->vm_mm, addr, &ptep, &lock);

	if (err)
		return err;
	__acquire(lock);	/* for sparse: follow_pte() took it */
	*pfn = pte_pfn(*ptep);
	*writable = pte_write(*ptep);
	pte_unmap_unlock(ptep, lock);
#endif
	return 0;
}

/* Scheduling */

static inline void lodge_rcu_virt_note_context_switch(void)
{
#ifdef LODGE_HAVE_RCU_VIRT_SWITCH_VOID
	rcu_virt_note_context_switch();
#else
	rcu_virt_note_context_switch(smp_processor_id());
#endif
}

/*
 * Must the vCPU's thread run lodge_guest_work_run() before it may enter the guest (signal, reschedule, task work)?
 * Exact with interrupts off.
 */
static inline bool lodge_guest_work_pending(void)
{
#if defined(LODGE_HAVE_ENTRY_VIRT_H) || defined(LODGE_HAVE_XFER_TO_GUEST_MODE)
	return __xfer_to_guest_mode_work_pending();
#else
	return need_resched() || signal_pending(current);
#endif
}

/* Every KVM_RUN ends with this: restartable sequences see that the thread was away. */
static inline void lodge_rseq_run_end(void)
{
#ifdef LODGE_HAVE_RSEQ_VIRT_EXIT
	rseq_virt_userspace_exit();
#endif
}

/* Interrupt @cpu without asking it to do anything: it leaves guest mode. Context: any but NMI. */
static inline void lodge_send_reschedule(int cpu)
{
	smp_send_reschedule(cpu);
}

/* Newer headers hide the kernel's own name of this byte, which user space may change at any time: read it once. */
#ifdef LODGE_HAVE_IMMEDIATE_EXIT_UNSAFE
#define lodge_immediate_exit	immediate_exit__unsafe
#else
#define lodge_immediate_exit	immediate_exit
#endif

#ifndef LODGE_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/*
 * LODGE_SYSCORE(name, suspend, resume): hooks that run on the last CPU with interrupts off. suspend returns int, none
 * takes an argument.
 */
#ifdef LODGE_HAVE_REGISTER_SYSCORE
#define LODGE_SYSCORE(name, suspend_fn, resume_fn)					\
	static int name##_suspend(void *unused) { return suspend_fn(); }		\
	static void name##_resume(void *unused) { resume_fn(); }			\
	static const struct syscore_ops name##_ops = {					\
		.suspend = name##_suspend,						\
		.resume = name##_resume,						\
	};										\
	static struct syscore name = { .ops = &name##_ops }
#define lodge_syscore_register(name)	register_syscore(&(name))
#define lodge_syscore_unregister(name)	unregister_syscore(&(name))
#else
#define LODGE_SYSCORE(name, suspend_fn, resume_fn)					\
	static struct syscore_ops name = {						\
		.suspend = suspend_fn,							\
		.resume = resume_fn,							\
	}
#define lodge_syscore_register(name)	register_syscore_ops(&(name))
#define lodge_syscore_unregister(name)	unregister_syscore_ops(&(name))
#endif

/* Time */

/* One instant on several clocks; @cycles is the clocksource's counter, whichever that is. */
struct lodge_instant {
	u64 cycles;
	u64 real_ns;
	u64 raw_ns;
};

/* Context: any but NMI. */
static inline struct lodge_instant lodge_instant_now(void)
{
	struct system_time_snapshot snap;

#ifdef LODGE_HAVE_SNAPSHOT_ID
	ktime_get_snapshot_id(CLOCK_REALTIME, &snap);
	return (struct lodge_instant){
		.cycles = snap.hw_cycles,
		.real_ns = ktime_to_ns(snap.systime),
		.raw_ns = ktime_to_ns(snap.monoraw),
	};
#else
	ktime_get_snapshot(&snap);
	return (struct lodge_instant){
		.cycles = snap.cycles,
		.real_ns = ktime_to_ns(snap.real),
		.raw_ns = ktime_to_ns(snap.raw),
	};
#endif
}

/* x86 */

#ifdef CONFIG_X86
#ifndef LODGE_HAVE_RDMSRQ
#define rdmsrq(msr, val)		rdmsrl(msr, val)
#define wrmsrq(msr, val)		wrmsrl(msr, val)
#define rdmsrq_safe(msr, val)		rdmsrl_safe(msr, val)
#define wrmsrq_safe(msr, val)		wrmsrl_safe(msr, val)
#endif

/* While a CPU may run guests, some processors (Zen 5) need a slower branch predictor setting to be safe from them. */
static inline void lodge_bp_spec_reduce(bool on)
{
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
	u64 cfg;

	if (!boot_cpu_has(X86_FEATURE_SRSO_BP_SPEC_REDUCE) || rdmsrq_safe(MSR_ZEN4_BP_CFG, &cfg))
		return;
	if (on)
		cfg |= BIT_ULL(MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	else
		cfg &= ~BIT_ULL(MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	wrmsrq_safe(MSR_ZEN4_BP_CFG, cfg);
#endif
}

/* A guest ran on this CPU: user space gets a branch prediction barrier before it runs here, where processors need that. */
static inline void lodge_ibpb_on_exit_to_user(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/*
 * The one hypervisor's callback, called on every CPU on the way down in a crash or an emergency reboot, in NMI
 * context. Newer kernels look at EFER.SVME themselves then.
 */
#ifdef LODGE_HAVE_EMERGENCY_CALLBACK
#define LODGE_EMERGENCY_CALLBACK	true
#else
#define LODGE_EMERGENCY_CALLBACK	false
#endif

static inline void lodge_emergency_register(void (*callback)(void))
{
#ifdef LODGE_HAVE_EMERGENCY_CALLBACK
	cpu_emergency_register_virt_callback(callback);
#endif
}

static inline void lodge_emergency_unregister(void (*callback)(void))
{
#ifdef LODGE_HAVE_EMERGENCY_CALLBACK
	cpu_emergency_unregister_virt_callback(callback);
#endif
}
#endif

#endif
