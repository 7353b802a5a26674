//! Where a target to practise on listens: on this machine, for this machine.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::mutant::{self, Mutant};

/// The address of a port on loopback. There is no way to ask for another.
pub(super) fn local(port: u16) -> SocketAddrV4 {
    let address = if mutant::is_on(Mutant::BindsEverywhere) {
        Ipv4Addr::UNSPECIFIED
    } else {
        Ipv4Addr::LOCALHOST
    };
    SocketAddrV4::new(address, port)
}
