// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a guest's write to an address signals an eventfd.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "compat.h"
#include "io_bus.h"
#include "ioeventfd.h"
#include "vm.h"

/* All are constant but @link [S]. */
struct lodge_ioeventfd {
	struct lodge_io_device dev;
	struct list_head link;		/* vm->ioeventfds */
	struct eventfd_ctx *ctx;
	enum lodge_bus bus;
	gpa_t addr;
	unsigned int len;		/* 0: any */
	bool wildcard;			/* any value */
	u64 datamatch;
};

static struct lodge_ioeventfd *to_ioeventfd(struct lodge_io_device *dev)
{
	return container_of(dev, struct lodge_ioeventfd, dev);
}

static u64 read_value(const void *val, unsigned int len)
{
	switch (len) {
	case 1:
		return *(const u8 *)val;
	case 2:
		return *(const u16 *)val;
	case 4:
		return *(const u32 *)val;
	default:
		return *(const u64 *)val;
	}
}

static bool matches(const struct lodge_ioeventfd *p, gpa_t addr, unsigned int len, const void *val)
{
	if (addr != p->addr)
		return false;
	if (!p->len)
		return true;
	if (len != p->len)
		return false;
	return p->wildcard || read_value(val, len) == p->datamatch;
}

static int ioeventfd_write(struct lodge_vcpu *vcpu, struct lodge_io_device *dev, gpa_t addr, unsigned int len,
			   const void *val)
{
	struct lodge_ioeventfd *p = to_ioeventfd(dev);

	if (!matches(p, addr, len, val))
		return -EOPNOTSUPP;
	lodge_eventfd_signal(p->ctx);
	return 0;
}

static void ioeventfd_destroy(struct lodge_io_device *dev)
{
	struct lodge_ioeventfd *p = to_ioeventfd(dev);

	list_del(&p->link);
	eventfd_ctx_put(p->ctx);
	kfree(p);
}

/* Open files limit these, so the bus does not. */
static const struct lodge_io_device_ops ioeventfd_ops = {
	.write = ioeventfd_write,
	.destroy = ioeventfd_destroy,
};

static enum lodge_bus bus_of(u32 flags)
{
	if (flags & KVM_IOEVENTFD_FLAG_PIO)
		return LODGE_PIO_BUS;
	if (flags & KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)
		return LODGE_CCW_BUS;
	return LODGE_MMIO_BUS;
}

/* Could one write be meant for both? */
static bool collides(const struct lodge_ioeventfd *a, const struct lodge_ioeventfd *b)
{
	if (a->bus != b->bus || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (a->wildcard || b->wildcard || a->datamatch == b->datamatch);
}

static bool any_collides(struct lodge_vm *vm, const struct lodge_ioeventfd *new)
{
	struct lodge_ioeventfd *p;

	list_for_each_entry(p, &vm->ioeventfds, link)
		if (collides(p, new))
			return true;
	return false;
}

static int check_assign(const struct kvm_ioeventfd *args)
{
	switch (args->len) {
	case 0:
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~KVM_IOEVENTFD_VALID_FLAG_MASK)
		return -EINVAL;
	/* What has no length has no value to compare. */
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

/* The context goes along: it is the new object's. */
static struct lodge_ioeventfd *new_ioeventfd(const struct kvm_ioeventfd *args, struct eventfd_ctx *ctx)
{
	struct lodge_ioeventfd *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return NULL;
	p->dev.ops = &ioeventfd_ops;
	p->ctx = ctx;
	p->bus = bus_of(args->flags);
	p->addr = args->addr;
	p->len = args->len;
	p->wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	p->datamatch = args->datamatch;
	INIT_LIST_HEAD(&p->link);
	return p;
}

static int add_ioeventfd(struct lodge_vm *vm, struct lodge_ioeventfd *p)
{
	int err = -EEXIST;

	mutex_lock(&vm->slots_lock);
	if (!any_collides(vm, p))
		err = lodge_io_bus_register(vm, p->bus, p->addr, p->len, &p->dev);
	if (!err)
		list_add_tail(&p->link, &vm->ioeventfds);
	mutex_unlock(&vm->slots_lock);
	return err;
}

static int assign(struct lodge_vm *vm, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *ctx;
	struct lodge_ioeventfd *p;
	int err = check_assign(args);

	if (err)
		return err;
	ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	p = new_ioeventfd(args, ctx);
	if (!p) {
		eventfd_ctx_put(ctx);
		return -ENOMEM;
	}
	err = add_ioeventfd(vm, p);
	if (err)
		ioeventfd_destroy(&p->dev);
	return err;
}

static bool is_meant(const struct lodge_ioeventfd *p, const struct kvm_ioeventfd *args, struct eventfd_ctx *ctx)
{
	bool wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);

	return p->ctx == ctx && p->bus == bus_of(args->flags) && p->addr == args->addr && p->len == args->len &&
	       p->wildcard == wildcard && (wildcard || p->datamatch == args->datamatch);
}

static int deassign(struct lodge_vm *vm, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct lodge_ioeventfd *p;
	int err = -ENOENT;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	mutex_lock(&vm->slots_lock);
	list_for_each_entry(p, &vm->ioeventfds, link) {
		if (is_meant(p, args, ctx)) {
			lodge_io_bus_unregister(vm, p->bus, &p->dev);
			err = 0;
			break;
		}
	}
	mutex_unlock(&vm->slots_lock);

	eventfd_ctx_put(ctx);
	return err;
}

/**
 * lodge_ioeventfd_set() - KVM_IOEVENTFD
 * @vm: the VM
 * @args: what user space said
 *
 * Context: may sleep; takes the slots lock.
 * Return: 0; -EINVAL, -EBADF (not an eventfd), -EEXIST (collides with another),
 * -ENOENT (nothing to take away), -ENOSPC, -ENOMEM.
 */
int lodge_ioeventfd_set(struct lodge_vm *vm, const struct kvm_ioeventfd *args)
{
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		return deassign(vm, args);
	return assign(vm, args);
}
