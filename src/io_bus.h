/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I/O buses: devices in the kernel that claim port or MMIO ranges.
 *
 * A bus is an immutable sorted array under the VM's SRCU; changes are made under the slots lock.
 */
#ifndef LODGE_IO_BUS_H
#define LODGE_IO_BUS_H

#include "types.h"

struct lodge_vm;
struct lodge_vcpu;
struct lodge_io_device;

enum lodge_bus { LODGE_MMIO_BUS, LODGE_PIO_BUS, LODGE_NR_BUSES };

/**
 * struct lodge_io_device_ops - what a device does with an access
 * @write:   0 if taken, -EOPNOTSUPP to let the next device (or user space) have it; never sleeps
 * @read:    likewise; may be NULL
 * @destroy: called once, when no reader can see the device any more; may sleep
 */
struct lodge_io_device_ops {
	int (*write)(struct lodge_vcpu *vcpu, struct lodge_io_device *dev, gpa_t addr, unsigned int len, const void *val);
	int (*read)(struct lodge_vcpu *vcpu, struct lodge_io_device *dev, gpa_t addr, unsigned int len, void *val);
	void (*destroy)(struct lodge_io_device *dev);
};

struct lodge_io_device {
	const struct lodge_io_device_ops *ops;
};

int lodge_io_bus_init(struct lodge_vm *vm);
void lodge_io_bus_destroy(struct lodge_vm *vm);

/* Slots lock held. @len 0 means "any length at exactly this address". -ENOMEM, -ENOSPC (1000 devices). */
int lodge_io_bus_register(struct lodge_vm *vm, enum lodge_bus bus, gpa_t addr, u64 len, struct lodge_io_device *dev);
/* Slots lock held. The device is off the bus and destroyed in every case; cannot fail for want of memory. */
void lodge_io_bus_unregister(struct lodge_vm *vm, enum lodge_bus bus, struct lodge_io_device *dev);

/* VM's SRCU held; never sleeps; usable with interrupts off. 0 if a device took it, else -EOPNOTSUPP. */
int lodge_io_bus_write(struct lodge_vcpu *vcpu, enum lodge_bus bus, gpa_t addr, unsigned int len, const void *val);
int lodge_io_bus_read(struct lodge_vcpu *vcpu, enum lodge_bus bus, gpa_t addr, unsigned int len, void *val);

#endif
