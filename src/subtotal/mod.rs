//! The Subtotal API: what it says (`wire`), how it is asked (`client`), and the retailer list kept near (`retailers`).

pub mod wire;
