/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I/O buses: devices in the kernel that claim port or MMIO ranges.
 *
 * A bus is a sorted array under the VM's SRCU. To add a device a new array is
 * made; to remove one its entry is emptied in place, so that removal needs no
 * memory. Changes are made under the slots lock.
 */
#ifndef LODGE_IO_BUS_H
#define LODGE_IO_BUS_H

#include "types.h"

struct lodge_vm;
struct lodge_vcpu;
struct lodge_io_bus;
struct lodge_io_device;

/* LODGE_CCW_BUS: virtio over channel I/O; reached by a hypercall, on s390 only. */
enum lodge_bus { LODGE_MMIO_BUS, LODGE_PIO_BUS, LODGE_CCW_BUS, LODGE_NR_BUSES };

/**
 * struct lodge_io_device_ops - what a device does with an access
 * @write:   0 if taken, -EOPNOTSUPP to let the next device (or user space) have it; never sleeps
 * @read:    likewise; may be NULL
 * @destroy: called once, when no reader can see the device any more; may sleep
 * @counted: the device counts towards the limit of devices on a bus (else something else limits it)
 */
struct lodge_io_device_ops {
	int (*write)(struct lodge_vcpu *vcpu, struct lodge_io_device *dev, gpa_t addr, unsigned int len,
		     const void *val);
	int (*read)(struct lodge_vcpu *vcpu, struct lodge_io_device *dev, gpa_t addr, unsigned int len, void *val);
	void (*destroy)(struct lodge_io_device *dev);
	bool counted;
};

struct lodge_io_device {
	const struct lodge_io_device_ops *ops;
};

int lodge_io_bus_register(struct lodge_vm *vm, enum lodge_bus bus, gpa_t addr, u64 len, struct lodge_io_device *dev);
void lodge_io_bus_unregister(struct lodge_vm *vm, enum lodge_bus bus, struct lodge_io_device *dev);
void lodge_io_bus_destroy(struct lodge_vm *vm);

int lodge_io_bus_write(struct lodge_vcpu *vcpu, enum lodge_bus bus, gpa_t addr, unsigned int len, const void *val);
int lodge_io_bus_read(struct lodge_vcpu *vcpu, enum lodge_bus bus, gpa_t addr, unsigned int len, void *val);

#endif
