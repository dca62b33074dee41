export { deliveries, type Deliveries, type DeliveriesOptions, type DeliveredFile } from "./deliveries.ts";
export { deleteAfterSend, type DeleteAfterSendOptions } from "./delete-after-send.ts";
export type { DeliveryLog, DeliveryReport } from "./delivery-log.ts";
export { apacheLog, caddyLog, lighttpdLog, nginxLog } from "./server-logs.ts";
