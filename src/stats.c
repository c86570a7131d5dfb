// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, and the files through which user space reads them.
 *
 * Such a file is KVM's: a header, an id, a table of descriptors, the values.
 * Names, units and kinds are KVM's too, for the counters that are here.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

/* struct kvm_stats_desc with its name; not all headers say how long that is. */
struct stats_desc {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u32 bucket_size;
	char name[LODGE_STATS_NAME_SIZE];
};

static_assert(offsetof(struct stats_desc, name) == offsetof(struct kvm_stats_desc, name));

#define DESC(owner, field, kind)							\
	{										\
		.flags = (kind) | KVM_STATS_BASE_POW10,					\
		.size = 1,								\
		.offset = offsetof(struct lodge_##owner##_stats, field),		\
		.name = #field,								\
	}
#define COUNTER(owner, field)	DESC(owner, field, KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE)
#define INSTANT(owner, field)	DESC(owner, field, KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE)

static const struct stats_desc vm_desc[] = {
	COUNTER(vm, remote_tlb_flush),
	COUNTER(vm, remote_tlb_flush_requests),
	INSTANT(vm, pages_4k),
	INSTANT(vm, pages_2m),
	INSTANT(vm, pages_1g),
};

static const struct stats_desc vcpu_desc[] = {
	COUNTER(vcpu, exits),
	COUNTER(vcpu, pf_taken),
	COUNTER(vcpu, pf_fixed),
	COUNTER(vcpu, pf_emulate),
	COUNTER(vcpu, io_exits),
	COUNTER(vcpu, mmio_exits),
	COUNTER(vcpu, signal_exits),
	COUNTER(vcpu, irq_window_exits),
	COUNTER(vcpu, nmi_window_exits),
	COUNTER(vcpu, halt_exits),
	COUNTER(vcpu, request_irq_exits),
	COUNTER(vcpu, irq_exits),
	COUNTER(vcpu, fpu_reload),
	COUNTER(vcpu, insn_emulation),
	COUNTER(vcpu, insn_emulation_fail),
	COUNTER(vcpu, insn_fetch_cycles),
	COUNTER(vcpu, hypercalls),
	COUNTER(vcpu, irq_injections),
	COUNTER(vcpu, nmi_injections),
	COUNTER(vcpu, tlb_flush),
};

/* One file's contents, but for the header. */
struct stats_view {
	const char *id;
	const struct stats_desc *desc;
	unsigned int nr;
	const void *values;
	size_t bytes;
};

static struct kvm_stats_header make_header(const struct stats_view *view)
{
	struct kvm_stats_header header = {
		.name_size = LODGE_STATS_NAME_SIZE,
		.num_desc = view->nr,
		.id_offset = sizeof(header),
	};

	header.desc_offset = header.id_offset + LODGE_STATS_NAME_SIZE;
	header.data_offset = header.desc_offset + view->nr * sizeof(*view->desc);
	return header;
}

/* Copies what of @part, which stands at *@at in the file, the reader still wants. Moves all three on. */
static int copy_part(const void *part, size_t bytes, loff_t *at, char __user **buf, size_t *want, loff_t *pos)
{
	size_t skip, n;

	if (*want && *pos < *at + bytes) {
		skip = *pos - *at;
		n = min(*want, bytes - skip);
		if (copy_to_user(*buf, part + skip, n))
			return -EFAULT;
		*buf += n;
		*want -= n;
		*pos += n;
	}
	*at += bytes;
	return 0;
}

static ssize_t read_view(const struct stats_view *view, char __user *buf, size_t size, loff_t *ppos)
{
	struct kvm_stats_header header = make_header(view);
	const struct {
		const void *data;
		size_t bytes;
	} part[] = {
		{ &header, sizeof(header) },
		{ view->id, LODGE_STATS_NAME_SIZE },
		{ view->desc, view->nr * sizeof(*view->desc) },
		{ view->values, view->bytes },
	};
	loff_t pos = *ppos, at = 0;
	size_t want = size;
	unsigned int i;

	if (pos < 0)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(part); i++)
		if (copy_part(part[i].data, part[i].bytes, &at, &buf, &want, &pos))
			return -EFAULT;
	*ppos = pos;
	return size - want;
}

/* Leaves of 1 << @shift bytes in all of the VM's trees. */
static u64 count_leaves(struct lodge_vm *vm, unsigned int shift)
{
	struct lodge_stage2 *s2;
	unsigned int i, level;
	u64 n = 0;

	for (i = 0; i < LODGE_MAX_AS; i++) {
		s2 = &vm->as[i].stage2;
		for (level = 0; level < s2->fmt->levels; level++)
			if (s2->fmt->level[level].shift == shift)
				n += atomic_long_read(&s2->pages[level]);
	}
	return n;
}

static ssize_t vm_stats_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct lodge_vm *vm = file->private_data;
	struct lodge_vm_stats values = vm->stats;
	const struct stats_view view = {
		.id = vm->stats_id,
		.desc = vm_desc,
		.nr = ARRAY_SIZE(vm_desc),
		.values = &values,
		.bytes = sizeof(values),
	};

	values.pages_4k = count_leaves(vm, 12);
	values.pages_2m = count_leaves(vm, 21);
	values.pages_1g = count_leaves(vm, 30);
	return read_view(&view, buf, size, pos);
}

static int vm_stats_release(struct inode *inode, struct file *file)
{
	lodge_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_stats_fops = {
	.owner = THIS_MODULE,
	.read = vm_stats_read,
	.release = vm_stats_release,
	.llseek = noop_llseek,
};

static ssize_t vcpu_stats_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct lodge_vcpu *vcpu = file->private_data;
	const struct stats_view view = {
		.id = vcpu->stats_id,
		.desc = vcpu_desc,
		.nr = ARRAY_SIZE(vcpu_desc),
		.values = &vcpu->stats,
		.bytes = sizeof(vcpu->stats),
	};

	return read_view(&view, buf, size, pos);
}

static int vcpu_stats_release(struct inode *inode, struct file *file)
{
	struct lodge_vcpu *vcpu = file->private_data;

	lodge_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_stats_fops = {
	.owner = THIS_MODULE,
	.read = vcpu_stats_read,
	.release = vcpu_stats_release,
	.llseek = noop_llseek,
};

/* A file for reading, at any position. It holds a reference to @vm. */
static int new_stats_fd(struct lodge_vm *vm, const char *name, const struct file_operations *fops, void *priv)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	lodge_vm_get(vm);
	file = anon_inode_getfile_fmode(name, fops, priv, O_RDONLY, FMODE_PREAD);
	if (IS_ERR(file)) {
		lodge_vm_put(vm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

/**
 * lodge_stats_vm_fd() - KVM_GET_STATS_FD on a VM
 * @vm: the VM
 *
 * Context: may sleep. Return: a file descriptor or -errno; the file keeps the VM.
 */
int lodge_stats_vm_fd(struct lodge_vm *vm)
{
	return new_stats_fd(vm, "kvm-vm-stats", &vm_stats_fops, vm);
}

/**
 * lodge_stats_vcpu_fd() - KVM_GET_STATS_FD on a vCPU
 * @vcpu: the vCPU
 *
 * Context: may sleep. Return: a file descriptor or -errno; the file keeps the VM, and so the vCPU.
 */
int lodge_stats_vcpu_fd(struct lodge_vcpu *vcpu)
{
	char name[32];

	snprintf(name, sizeof(name), "kvm-vcpu-stats:%u", vcpu->id);
	return new_stats_fd(vcpu->vm, name, &vcpu_stats_fops, vcpu);
}
